"""The commands of `mix2fld`: what was asked, who plays it, what is printed.
Each command is a module with `add` and `run`."""
