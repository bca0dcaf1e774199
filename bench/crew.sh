#!/bin/sh
# Several controllers on one PostgreSQL, simulated servers without delay: crew.sh [BUILD-FOLDER [WORD...]].
# See crew.py for the words.
exec python3 "$(dirname "$0")/crew.py" "$@"
