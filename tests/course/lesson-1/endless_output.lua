while true do print("book is here") end
