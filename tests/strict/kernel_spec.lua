-- What the kernel refuses to a strict run, whatever its code does. A C module asks (strict/kernel_probe.c); a build for
-- tests loads it before the layers go on, and leaves the language layer out, which would not let it in.
local shell = require "support.shell"

local PROBE = assert(os.getenv("SANDBOX_PROBE"), "SANDBOX_PROBE must name the module")

-- name = the sets of layers that hold it by themselves (F Landlock, S seccomp, N namespaces)
local CASES = {
  { "tcp", "S", "F", "N" }, { "bind", "S", "F" }, { "udp", "S", "N" }, { "unix", "S" }, { "unix pair", "S" },
  { "netlink", "S" }, { "packet", "S" }, { "ptrace", "S", "F" }, { "process_vm_readv", "S", "F" },
  { "pidfd_getfd", "S", "F" }, { "unshare", "S" }, { "mount", "S" }, { "io_uring", "S" }, { "bpf", "S" },
  { "perf_event", "S" }, { "userfaultfd", "S" }, { "keyctl", "S" }, { "shmget", "S" }, { "chroot", "S" },
  { "personality", "S" }, { "open_by_handle_at", "S" }, { "i386 entry", "S" }, { "x32 entry", "S" }, { "clone3", "S" },
  { "clone", "S" }, { "execve", "S", "F" }, { "execveat", "S" }, { "TIOCSTI", "S" }, { "chmod", "S" }, { "kill(-1)", "S" },
  { "kill(0)", "S" }, { "pidfd of a group", "S" }, { "affinity of others", "S" }, { "ignoring SIGCHLD", "S" }, { "lease", "S" },
  { "dnotify", "S" }, { "signals to a group", "S" }, { "signals to a group, as a struct", "S" },
}

local script = ([[
  local probe = package.loadlib(%q, "luaopen_kernel_probe")()
  for _, name in ipairs { %s } do print(name .. "=" .. probe(name, arg[0])) end
]]):format(PROBE, table.concat((function()
  local names = {}
  for i, case in ipairs(CASES) do names[i] = ("%q"):format(case[1]) end
  return names
end)(), ", "))

-- What each probe got, with the layers of these letters; nil: without strict mode.
local function answers(layers)
  local file <close> = shell.file(script)
  local command = "timeout 60 " .. shell.quote(shell.program) .. " "
  if layers then
    command = ("SANDBOX_STRICT_LAYERS=%s SANDBOX_STRICT_PRELOAD=%s %s --strict "):format(layers, shell.quote(PROBE), command)
  end
  local text, status = shell.run(command .. file.name .. " 2>&1 </dev/null")
  assert(status == 0, text)
  local list = {}
  for name, answer in text:gmatch("([^\n=]+)=([^\n]+)") do list[name] = answer end
  return list
end

describe("the kernel, asked by C code in a strict run:", function()
  local plain, all = answers(nil), answers("FSNR")
  local alone = { F = answers("F"), S = answers("S"), N = answers("N") }

  for _, case in ipairs(CASES) do
    local name = case[1]
    it(name .. " is refused", function()
      assert.is_not_nil(all[name])
      assert.is_not.equal("got", all[name])
    end)
    if plain[name] == "got" then
      for i = 2, #case do
        it(name .. " is refused by " .. case[i] .. " alone", function() assert.is_not.equal("got", alone[case[i]][name]) end)
      end
    else
      it(name .. " is refused by the plain kernel: " .. tostring(plain[name]), function() end)
    end
  end

  it("most of it is not refused without strict mode", function()
    local got = 0
    for _, answer in pairs(plain) do got = got + (answer == "got" and 1 or 0) end
    assert.is_true(got >= 10, got .. " only")
  end)

  it("what is dangerous is refused as EPERM, what is not known as ENOSYS", function()
    assert.equal("EPERM", alone.S.ptrace)
    assert.equal("EPERM", alone.S.io_uring)
    assert.equal("ENOSYS", alone.S.clone3)
    assert.equal("EPERM", alone.S.execve)
    assert.equal("EPERM", alone.S["kill(0)"])
  end)
end)
