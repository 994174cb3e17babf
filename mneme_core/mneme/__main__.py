"""`python -m mneme`: the same as the command `mneme`."""

from mneme.cli import main

if __name__ == "__main__":
    main()
