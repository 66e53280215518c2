"""What users extend collatio with: the Protocols of sources, extractors and comparators, and fakes to test with."""
