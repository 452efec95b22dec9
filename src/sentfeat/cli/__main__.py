"""The command without an installed script: python -m sentfeat.cli."""

from sentfeat.cli import main

main()
