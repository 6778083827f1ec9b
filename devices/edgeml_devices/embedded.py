"""The embedded broker's own process: `python -m edgeml_devices.embedded CONFIG`."""

import logging
import sys

import iotcore


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    # rumqttd opens an error-level span for every packet.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    iotcore.IotCoreBroker(config_path=sys.argv[1]).run_forever()


if __name__ == "__main__":
    main()
