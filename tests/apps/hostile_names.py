"""Names that a file may have, and that Markdown would make something else of."""

HOSTILE_NAMES = [
    "![x](http://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "**a** _b_ ~~c~~ `d` ``e``",
    "# heading",
    "1. list",
    "- list",
    "+ list",
    "> quote",
    "| a | b |",
    "    code",
    "-> a -- b -> c <- d <-> e <= f >= g ~= h",
    ":material/home: :smile: :red[x] :streamlit: :blue-background[y] :small[z]",
    "$x$ $$y$$",
    "http://evil.example www.evil.example a@evil.example mailto:a@evil.example",
    "&lt;b&gt; &#58; &amp;",
    "[^1] [a]: http://evil.example",
    "\\[x\\]\\",
]
