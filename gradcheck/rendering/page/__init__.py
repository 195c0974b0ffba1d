"""The parts of the page that ``gradcheck.rendering.html`` puts together: markup, colours, styles and scripts."""
