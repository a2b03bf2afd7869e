"""What the Flex Template's launcher starts; the work is in the installed package."""

import sys

from gristmill.pipelines.engines.dataflow_conductor import launch

if __name__ == "__main__":
    launch(sys.argv[1:])
