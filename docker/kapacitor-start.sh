#!/bin/sh
# Starts Kapacitor as its own user, and in the group that the folder of the agent's sockets belongs to. The image's own
# start would do all but that: it gives up groups which were given from outside (--group-add).
set -eu
sockets=/var/run/kapacitor-udf
# A data folder that Docker made belongs to root.
chown kapacitor:kapacitor /var/lib/kapacitor
exec setpriv --reuid kapacitor --regid kapacitor --groups "$(stat -c %g "$sockets")" --inh-caps=-all \
  kapacitord "$@"
