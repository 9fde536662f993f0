"""One artifact per model version, checked before anything opens it, and the one way in which it judges users."""
