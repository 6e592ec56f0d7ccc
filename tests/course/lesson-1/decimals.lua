for name, seconds in pairs { book = 2 } do sleep(seconds) print(name .. " is here") end
for name, seconds in pairs { film = 3 } do sleep(seconds) print(name .. " is here") end
for name, seconds in pairs { song = 1 } do sleep(seconds) print(name .. " is here") end
print("total " .. sandbox.now() .. " s")
