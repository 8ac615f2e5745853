"""From a complex object to displacement and strain in the laboratory."""
