"""The parts of the page that ``gradcheck.output.html`` puts together: markup, colours, styles and scripts."""
