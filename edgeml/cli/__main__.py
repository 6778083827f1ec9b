from edgeml.cli.main import main

main()
