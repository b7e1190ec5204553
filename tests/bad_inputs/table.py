"""Write docs/bad_inputs.md anew: python -m tests.bad_inputs.table"""

from pathlib import Path

from .corpus import table

PATH = Path(__file__).parents[2] / 'docs' / 'bad_inputs.md'

if __name__ == '__main__':
    PATH.write_text(table())
