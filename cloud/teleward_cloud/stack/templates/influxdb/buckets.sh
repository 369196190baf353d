#!/bin/sh
set -e
influx bucket create --name teleward-sim --org teleward
