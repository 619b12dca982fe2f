"""`python -m stillwatch`, the same as `stillwatch`."""

from stillwatch.cli.main import main

if __name__ == "__main__":
    main()
