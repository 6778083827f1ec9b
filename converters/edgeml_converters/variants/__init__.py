"""The float file, the files of lower precision, and what mends them."""
