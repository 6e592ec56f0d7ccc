for line in io.lines("/etc/passwd") do print(line) end
os.execute("echo hello")
