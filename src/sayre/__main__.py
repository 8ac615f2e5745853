"""`python -m sayre`."""

from sayre.cli import run

if __name__ == "__main__":
    run()
