for shirt = 1, 4 do
  sleep(1)
  sleep(1)
  sleep(1)
end
print(("done after %.0f s"):format(sandbox.now()))
