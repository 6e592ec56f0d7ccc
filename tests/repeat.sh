#!/usr/bin/env bash
# Run the concurrency specs again and again: what fails once in a hundred times is a defect.
#
#   tests/repeat.sh [ROUNDS [BUILD [SECONDS]]]
#
# ROUNDS (200) times in the build tree BUILD (build/dev), in rounds over all of them, so that a run that is stopped has had each
# as often; no new round begins after SECONDS (no limit). Stops at the first failure, whose output stays in
# BUILD/repeat.log. The last line says how many rounds passed. SANDBOX_REPEAT: another regular expression.
# SANDBOX_SHARE (0.1): tests that repeat themselves do so that much less often. CTEST_PARALLEL_LEVEL: so many at a time.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
rounds=${1:-200}
build=${2:-build/dev}
seconds=${3:-0}
tests=${SANDBOX_REPEAT:-'^(spec\.(sync_.*|select|queue|queue_promises|pool|scope|task|pipe|process|process_object|handles|fork|kill|api|whole|program|stdin|imap|family|waiting|task_error|failure|ends|forgotten|remembered|gathered|handles_.*|deadlock)|fault\.(objects_kill|liveness|stopped))$'}

export SANDBOX_SHARE=${SANDBOX_SHARE:-0.1}

passed=0
while [ "$passed" -lt "$rounds" ]; do
  if [ "$seconds" -gt 0 ] && [ "$SECONDS" -ge "$seconds" ]; then break; fi
  if ! ctest --test-dir "$build" -R "$tests" --output-on-failure >"$build/repeat.log" 2>&1; then
    grep -a -A30 -E '^(Failure|Error) ->|tests failed' "$build/repeat.log"
    echo "failed in round $((passed + 1)) of $rounds; see $build/repeat.log"
    exit 1
  fi
  passed=$((passed + 1))
  echo "round $passed of $rounds passed, after $SECONDS s"
done
echo "$passed rounds passed in $SECONDS seconds"
