"""Text from outside that tries to be more than text, in every format."""

HOSTILE = (
    "</failure>]]><script>alert(1)</script>&amp;\"'\x1b[31m\x00\x07\ufffe\uffff\ud800\u202e"
    "[bold]x[/bold] [a](http://b.example) ![i](j) @somebody #1 `code` ``two`` *b* _i_ | ~~s~~ <!-- c -->"
    "<!--<script><img src=x onerror=alert(2)> {{report}} ${7*7} \u2028\u2029 \udcff"
    "\r\n::error::hijacked%0A\n# heading\n- item\n```\nfence"
)
LONG = "x" * 1_000_000
