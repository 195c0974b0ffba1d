"""The numerics: arrays in, arrays out. Nothing here calls a loss, reads a config or prints."""
