"""`python -m stillwatch`, the same as `stillwatch`."""

from stillwatch.cli.main import program

if __name__ == "__main__":
    program()
