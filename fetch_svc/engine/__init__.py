"""The pure part of fetching: URIs, globs, media types and what to take of a listing. No input, no output."""
