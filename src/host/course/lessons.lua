-- host/course/lessons.lua - the twelve lessons: what each asks for, and the rules for an answer.
--
-- The page of a lesson, with its experiment, is scripts/course/lesson-N.lua; its last paragraph has the same task.
local _, use = ...

local rules = use "rules"

-- A lesson's rules begin with these.
local function asks(...) return { rules.compiles, rules.ends, rules.tried, ... } end

return {
  { title = "one after the other",
    task = [[
Fetch a book (2 seconds), a film (3 seconds) and a song (1 second), one
after the other; sleep(n) stands for the work. Print "book is here", "film
is here" and "song is here", each when it is, and at the end "total 6 s".
Take the seconds from sandbox.now().
]],
    rules = asks(
      rules.well(),
      rules.processes(0, 0, "one after the other needs one process only: main. Call the function, do not spawn it."),
      rules.prints("book is here\nfilm is here\nsong is here\ntotal 6 s\n", {
        { "total 0 s", "no time passes: sleep(n) stands for the work that takes n seconds." },
        { "song is here\ntotal [0-5] s", "the three take 2 + 3 + 1 seconds, and the total is taken when all are "
          .. "here." },
        { "total %d+%.", "the total is to be printed without decimals: (\"%.0f\"):format(sandbox.now())." },
        { "^[^t]*$", "the last line is missing: print(\"total \" .. ... .. \" s\")." },
      })),
  },
  { title = "side by side",
    task = [[
Fetch a book (2 seconds), a film (3 seconds) and a song (1 second) at the
same time, each in a process of its own. Each process returns its line, and
main prints them in this order: "book is here", "film is here", "song is
here". At the end main prints "total 3 s", which is the longest of the three.
]],
    rules = asks(
      rules.well { error = "what is wrong: spawn(f, 1, 2) starts a process that calls f(1, 2). spawn(f(1, 2)) calls "
        .. "f at once, in main, and has no function to start." },
      rules.processes(3, nil, "each of the three is fetched by a process: spawn(fetch, \"book\", 2)."),
      rules.prints("book is here\nfilm is here\nsong is here\ntotal 3 s\n", {
        { "total 6 s", "each process is started when the one before has ended. Start all three, and wait only "
          .. "then." },
        { "total 0 s", "main does not wait: p:result() waits for the process, and returns what its function "
          .. "returned." },
        { "^total 3 s", "each process prints by itself, so the shortest comes first. Return the lines, and let main "
          .. "print them." },
      })),
  },
  { title = "no shared variables",
    task = [[
Two processes count the words of two texts, "to be or not to be" and "that
is the question", and main prints the sum: "words 10".
]],
    rules = asks(
      rules.well { error = "look at what join and result return: p:result() returns what the function of the "
        .. "process returned." },
      rules.processes(2, 2, "each text is counted by a process of its own."),
      rules.prints("words 10\n", {
        { "words 0", "a process has copies of all variables, so main never sees what it changes. Return the number, "
          .. "and let main add: p:result()." },
        { "[46]\n.*[46]\n", "each process prints its own number: return it instead, and let main print the sum." },
        { "words [46]\n", "only one of the two results is counted: add both." },
      })),
  },
  { title = "a queue between them",
    task = [[
A producer puts the numbers 1 to 5 into a queue. A consumer, another
process, reads them to the end of the stream, adds them up, and prints
"sum 15".
]],
    rules = asks(
      rules.well {
        deadlock = "what is missing: the consumer cannot know that no more items come, unless the producer closes "
          .. "the queue behind the last one: q:close().",
        error = "only the process that puts knows when it is done: let the producer close the queue." },
      rules.processes(2, 2, "the producer and the consumer are a process each: spawn(produce), spawn(consume)."),
      rules.prints("sum 15\n", {
        { "sum 0", "the sum was counted in the copy of another process. Print it where it is counted, or return "
          .. "it." },
        { "sum %d+", "an empty queue is not the end: the next item may be on its way. `for n in q:items() do` ends "
          .. "when the queue is closed and all has been read." },
      })),
  },
  { title = "a lost update",
    task = [[
Two processes add one to the same sandbox.value, which starts at 0, in two
steps: get, then set. When both have ended, main asserts that it is 2. The
script must be able to fail: in some orders an addition is lost.
]],
    rules = asks(
      rules.processes(2, 2, "two processes add one each."),
      rules.sometimes("error", "the assertion fails", {
        never = "get and set must be two steps, with the same value in both processes (add is one step), and main "
          .. "must say what it expects: assert(count:get() == 2).",
        always = "the assertion can never hold. Wait for both processes before you look, and expect 2.",
        other = "only the assertion should fail.",
      })),
  },
  { title = "a lock",
    task = [[
Mend lesson 5: two processes add one to a sandbox.value in two steps, get
and set, and hold a sandbox.lock for both of them. When both have ended,
main prints "count 2".
]],
    rules = asks(
      rules.well { held = "what is taken must be given back: local _ <close> = lock:hold() does so at the end of "
        .. "the block." },
      rules.processes(2, 2, "two processes add one each."),
      rules.prints("count 2\n", {
        { "count 1", "an addition is lost. One lock must be made before the processes start, both must use it, and "
          .. "hold it from before get until after set." },
        { "count 0", "main looks before the two have ended: wait for both." },
      }),
      rules.asks(2, { "acquire", "get", "set" }, "two processes take a lock, get and set",
        "a value has operations that are one step by themselves, and need no lock. Here get and set are two steps, and "
        .. "a lock is to make one of them: lock:hold(), then count:set(count:get() + 1)."),
      rules.concurrent("the second process starts only when the first has ended, so nothing needs a lock. Start "
        .. "both, then wait.")),
  },
  { title = "a deadlock",
    task = [[
Ann and Bob eat with one fork and one knife, which are locks. Each takes
one thing, then the other, and gives both back. Write it so that the two
can wait for each other for ever, but need not.
]],
    rules = asks(
      rules.processes(2, 2, "Ann and Bob are a process each: spawn({ name = \"ann\" }, eat, fork, knife)."),
      rules.sometimes("deadlock", "they wait for ever", {
        never = "both take the same thing first, so the second one waits with empty hands. Let them begin with "
          .. "different things.",
        always = "nothing may force them into it. Use two locks, no barrier, and let nobody take a lock twice.",
        other = "only the deadlock should be wrong: give back both locks, and let no process fail.",
      })),
  },
  { title = "locks in order",
    task = [[
Two accounts have 100 each (sandbox.value), and a lock each. One process
moves 30 from the first to the second, another 10 from the second to the
first, at the same time. A transfer holds both locks while it reads and
writes both accounts (get and set). At the end main prints "80 120".
]],
    rules = asks(
      rules.well {
        deadlock = "each transfer must take the locks in the same order, say that of the first account first, "
          .. "whichever way the money goes.",
        held = "what is taken must be given back: local _ <close> = lock:hold()." },
      rules.processes(2, 2, "each transfer is a process."),
      rules.prints("80 120\n", {
        { "^100 100\n", "no transfer was made: do not give up when a lock is taken, wait for it. Or main looks too "
          .. "early." },
        { "^70 130\n", "one transfer is missing or was overwritten: hold both locks from before the first get until "
          .. "after the last set, and do not give up when a lock is taken." },
        { "^%d+ %d+\n", "a balance was overwritten: hold both locks from before the first get until after the last "
          .. "set, and do not give up when a lock is taken." },
      }),
      rules.asks(2, { "acquire", "get", "set" }, "two processes take locks, get and set",
        "an addition that is one step by itself needs no lock, but between two of them the money is nowhere. A "
        .. "transfer reads and writes both accounts while it holds both locks."),
      rules.concurrent("the second transfer starts only when the first has ended. Start both, then wait.")),
  },
  { title = "waiting until something is true",
    task = [[
Two guests arrive, each a process that adds one to a sandbox.value. A host,
a third process, waits until two are here, and only then prints "2 are
here". Use a sandbox.condition (or a sandbox.monitor); the host must not
look again and again.
]],
    rules = asks(
      rules.well {
        deadlock = "the host sleeps, and nothing wakes it. Change the number and notify while you hold the "
          .. "condition; look at the number and wait while you hold it, too.",
        error = "wait and notify belong to the holder of the condition: between acquire and release, or below "
          .. "hold." },
      rules.processes(3, 3, "two guests and a host are a process each."),
      rules.prints("2 are here\n", {
        { "^[01] are here", "being woken up does not mean that it is true. Test again after each wake-up: `while`, "
          .. "not `if`; or c:wait_for(function() return n:get() == 2 end)." },
      }),
      rules.sleeps("2 are here\n", "why: each look costs time, and finds out late. A loop around sleep(n), or around a "
        .. "wait with a timeout, looks again and again, too. c:wait() without a timeout sleeps until somebody calls "
        .. "c:notify()."),
      rules.asks(2, { "notify|when" }, "the guests call a condition, or change a monitor",
        "other things can wait, too (an event, a latch, n:wait_for), but this lesson asks for a sandbox.condition or a "
        .. "sandbox.monitor: a guest changes the number and calls c:notify(), or does both by m:when(test, action).")),
  },
  { title = "a timeline",
    task = [[
Four shirts are washed (1 second), dried (1 second) and folded (1 second).
There is one washer, one dryer and one table, each a process that takes one
shirt at a time. Connect them by queues. When the last shirt is folded, main
prints "done after 6 s", from sandbox.now().
]],
    rules = asks(
      rules.well { deadlock = "each stage must close its output when its input has come to an end." },
      rules.processes(3, 4, "the washer, the dryer and the table are a process each, and nothing else works on a "
        .. "shirt."),
      rules.prints("done after 6 s\n", {
        { "done after 12 s", "only one stage works at a time. A stage passes on each shirt at once, and does not "
          .. "wait until it has all of them. Look: sandbox --timeline." },
        { "done after 3 s", "four shirts are in one washer at the same time: one process for a stage, not for a "
          .. "shirt." },
        { "done after 0 s", "main does not wait until the last shirt is folded." },
        { "done after %d+%.", "print the seconds without decimals: (\"%.0f\"):format(sandbox.now())." },
      }),
      rules.asks(2, { "put" }, "its stages are connected by queues",
        "the washer puts each shirt into a queue from which the dryer takes it, and so does the dryer for the table.")),
  },
  { title = "a proof",
    task = [[
A sandbox.value holds 100. Three processes want to spend 60, 30 and 60 of
it, at the same time, each only if there is enough. At the end main prints
"left 10": one of the 60 is refused, whatever the order. Test and act in one
step, or below a lock.
]],
    rules = asks(
      rules.well { held = "what is taken must be given back: local _ <close> = lock:hold()." },
      rules.processes(3, 3, "each purchase is a process."),
      rules.concurrent("each process starts only when the one before has ended. Start all three, then wait."),
      rules.prints("left 10\n", {
        { "left %-", "between the test and the act another one has spent the money. Both in one step: update(fn); "
          .. "or a lock around both." },
        { "left [47]0", "a purchase was given up, though there was enough: cas fails when another one was quicker, "
          .. "and must then be tried again." },
        { "left 100", "nothing was spent, or main looks too early." },
      })),
  },
  { title = "twins",
    task = [[
Write a program of your own that can go wrong, and its mended twin, in one
script: `answer.lua wrong` and `answer.lua right` (arg[1] is the word). The
wrong one goes wrong in some orders, by an error or a deadlock, and well in
others. The right one never goes wrong, prints what the wrong one prints when
that goes well, and its processes still work at the same time.
]],
    rules = { rules.compiles,
      rules.ends_as "wrong", rules.ends_as "right", rules.tried_as "wrong", rules.tried_as "right",
      rules.goes_wrong("wrong", {
        never = "it has no mistake that an order could bring out, or nothing says so: assert what you expect.",
        always = "it cannot go well. A twin is wrong by order, not always.",
      }),
      rules.replayed "wrong",
      rules.well(nil, "right", "\"right\": nothing goes wrong in any order"),
      rules.concurrent("the mended one does one thing after the other. That is no cure: start the processes, then "
        .. "wait.", "right",
        "\"right\": its processes work at the same time"),
      rules.same_work("wrong", "right"),
    },
  },
}
