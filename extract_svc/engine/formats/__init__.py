"""One module or package a format, each with `read(document, options, draft)`, imported when first needed."""
