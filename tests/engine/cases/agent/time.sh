#!/bin/sh
read zone
TZ=$zone date -d @0 +%H:%M
