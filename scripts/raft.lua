#!/usr/bin/env sandbox
-- The election of a leader as Raft does it (Ongaro and Ousterhout). Time is divided into terms. A node
-- that hears nothing from a leader for a random time begins a new term, and asks all others for their vote. Each
-- node votes once in a term, for the first that asks. A node with the votes of the majority is the leader of that term,
-- and sends beats. There cannot be two leaders of one term, since two majorities share a node.
--
-- Here the leader is killed, twice: three of five nodes are left, which is still a majority.
--
-- Guess first, then try: what happens if a third one is killed? Why must that time be random?
--
-- See it: sandbox --timeline scripts/raft.lua

local N <const>, BEAT <const> = 5, 0.2 -- seconds

local news = queue { name = "news" } -- for main, which watches

local function node(me)
  local peers = sandbox.receive(function(m) return m.kind == "peers" end).peers
  local term, voted, votes, role, patience = 0, nil, 0, "follower", nil

  local function be_patient() patience = sandbox.now() + (5 + 5 * math.random()) * BEAT end
  local function tell_all(message)
    for i, p in ipairs(peers) do if i ~= me then p:send(message) end end
  end
  local function stand_for_election()
    term, voted, votes, role = term + 1, me, 1, "candidate"
    tell_all { kind = "vote for me", term = term, from = me }
  end

  local on = {} -- what to do about a message of the present term
  on["vote for me"] = function(m)
    if voted and voted ~= m.from then return end
    voted = m.from
    be_patient()
    peers[m.from]:send { kind = "you have my vote", term = term, from = me }
  end
  on["you have my vote"] = function()
    votes = votes + 1
    if role ~= "candidate" or votes <= N // 2 then return end
    role = "leader"
    news:put { term = term, node = me }
  end
  on["I lead"] = function()
    role = "follower"
    be_patient()
  end

  be_patient()
  while true do
    local m = sandbox.receive(BEAT)
    if m and m.term and m.term > term then term, voted, role = m.term, nil, "follower" end
    if m and m.term == term then on[m.kind](m) end
    if role == "leader" then
      tell_all { kind = "I lead", term = term, from = me }
    elseif sandbox.now() > patience then
      stand_for_election()
      be_patient()
    end
  end
end

local peers = {}
for i = 1, N do peers[i] = spawn({ name = "node" .. i, daemon = true }, node, i) end
for i = 1, N do peers[i]:send { kind = "peers", peers = peers } end

local leader_of, term, killed = {}, 0, 0
local lives
repeat
  local l = news:get()
  assert(not leader_of[l.term], "two leaders of one term")
  leader_of[l.term] = l.node
  print(("a leader, of a later term than before: %s"):format(l.term > term and "yes" or "no"))
  term, lives = l.term, peers[l.node]:alive()
  if lives and killed < 2 then
    lives = false
    killed = killed + 1
    peers[l.node]:kill()
    print(("that leader was killed: %d nodes are left"):format(N - killed))
  end
until lives
