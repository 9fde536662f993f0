"""The leak gate: nothing is trained on features or labels that know what happened after their cutoff."""
