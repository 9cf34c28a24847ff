"""The published language: what a module may ask of another one, and of the outside world."""
