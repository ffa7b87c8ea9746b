"""`python -m docsite`: the pages of the project in this folder, from target/ into target/docs."""

from pathlib import Path

from docsite.build import build

if __name__ == "__main__":
    project = Path(__file__).parents[1]
    print(f"Open {build(project, project / 'target', project / 'target' / 'docs')}")
