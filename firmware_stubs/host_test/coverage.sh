#!/bin/sh
# Branch coverage of common/ and sensors/ by the unit tests, by gcov:   coverage.sh FOLDER LEAST_PERCENT
set -eu
folder=$1
least=$2
sources=$(ls common/*.c sensors/*.c | grep -v common/main.c)
flags="--coverage -O0 -g -std=c99 -Icommon -Isensors -Ihost_test"
for source in $sources host_test/listener.c host_test/model_board.c host_test/unit_device.c; do
    gcc $flags -c -o "$folder/$(basename "$source" .c).o" "$source"
done
for test in host_test/test_*.c; do
    gcc -g -std=c99 -Icommon -Isensors -Ihost_test --coverage -o "$folder/run" "$test" "$folder"/*.o
    "$folder/run" > /dev/null
done
for source in $sources; do
    gcov --branch-probabilities --no-output --object-file "$folder/$(basename "$source" .c).o" "$source"
done > "$folder/report.txt"
awk -v least="$least" '
    /^File/ { name = $2; gsub(/\047/, "", name) }
    /^Lines executed/ && name != "" { lines = substr($0, 16) + 0 }
    /^No branches/ && name != "" { printf "%-22s lines %6.2f %%  no branches\n", name, lines; name = "" }
    /^Taken at least once/ && name != "" {
        split(substr($0, 21), part, /% of /)
        printf "%-22s lines %6.2f %%  branches %6.2f %% of %d\n", name, lines, part[1], part[2]
        n_taken += part[1] * part[2] / 100; n += part[2]; name = ""
    }
    END {
        printf "branches in all: %.1f %% of %d (at least %d)\n", 100 * n_taken / n, n, least
        exit 100 * n_taken / n < least
    }' "$folder/report.txt"
