#!/bin/sh
# Flash and RAM of each program; on the AVR also the deepest stack while it obeys commands and streams.
#   sizes.sh BUILD PROGRAM...     fails when the ECG patch outgrows 8 KB of flash or 1 KB of RAM
set -eu
build=$1
shift
status=0
golden=../tests/golden/framed.hex
commands=$(awk -F ' [|] ' '$2 ~ /^(IDENTIFY|START|SET_TIME|SET_RATE|MEASURE) / { print "say " $1 }' "$golden")
printf '%-16s %-14s %8s %8s %8s %8s\n' program chip flash static stack RAM
for program in "$@"; do
    elf=$build/avr/$program.elf
    # .data lies in flash and is copied to RAM
    set_of=$(avr-size "$elf" | awk 'NR == 2 { print $1 + $2, $2 + $3 }')
    stack=-
    if [ -x "$build/simavr_run" ]; then
        stack=$( (sleep 0.3; echo "$commands"; sleep 2.2; echo stack; sleep 0.1) \
            | "$build/simavr_run" "$elf" | awk '/^stack/ { print $2 }')
    fi
    echo "$program ATmega328P $set_of $stack" \
        | awk '{ printf "%-16s %-14s %8d %8d %8s %8d\n", $1, $2, $3, $4, $5, $4 + $5 }'
    if [ "$program" = ecg_patch ]; then
        echo "$set_of $stack" | awk '{ exit $1 > 8192 || $2 + $3 > 1024 }' || status=1
    fi
    arm-none-eabi-size "$build/arm/$program.elf" | awk -v program="$program" \
        'NR == 2 { printf "%-16s %-14s %8d %8d %8s %8d\n", program, "Cortex-M3", $1 + $2, $2 + $3, "-", $2 + $3 }'
done
[ $status = 0 ] || echo "ecg_patch is larger than 8192 bytes of flash or 1024 bytes of RAM" >&2
exit $status
