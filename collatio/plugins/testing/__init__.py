"""What a plugin's author tests with: fakes that implement the Protocols, and suites that check theirs."""
