"""report.html: one file that shows a conversion to people. The way in is html.render."""
