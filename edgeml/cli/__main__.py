from edgeml.cli.door import main

main()
