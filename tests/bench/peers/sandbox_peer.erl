%% tests/bench/peers/sandbox_peer.erl WHAT N: the work of peers.lua in Erlang, with processes and messages; see there.
-module(sandbox_peer).
-export([main/1]).

main([What, Number]) ->
    work(What, list_to_integer(Number)),
    halt(0).

crossed() ->
    A = spawn(fun() -> receive {from, B} -> receive go -> B ! go end end end),
    B = spawn(fun() -> receive go -> A ! go end end),
    A ! {from, B}.

work("all", _) ->
    crossed(),
    receive never -> ok end;
work("some", _) ->
    spawn(fun() -> tick() end),
    crossed(),
    receive never -> ok end;
work("race", _) ->
    Self = self(),
    Account = spawn(fun() -> account(100) end),
    Spend = fun() ->
        case ask(Account, get) >= 80 of
            true -> ask(Account, {add, -80});
            false -> none
        end,
        Self ! ended
    end,
    spawn(Spend),
    spawn(Spend),
    receive ended -> ok end,
    receive ended -> ok end,
    case ask(Account, get) < 0 of
        true -> io:format("overdrawn~n"), halt(1);
        false -> ok
    end;
work("spawn", N) ->
    timed(fun() -> spawn_each(N) end, fun(Us) -> Us / N end);
work("integers", N) ->
    timed(fun() ->
              Self = self(),
              Reader = spawn(fun() -> read(N), Self ! ended end),
              write(Reader, N),
              receive ended -> ok end
          end,
          fun(Us) -> N / Us end);
work("roundtrip", N) ->
    Echo = spawn(fun() -> echo() end),
    timed(fun() -> ask_each(Echo, N) end, fun(Us) -> Us / N end).

timed(F, Figure) ->
    {Us, _} = timer:tc(F),
    io:format("~w~n", [Figure(Us)]).

tick() -> timer:sleep(50), tick().

account(Balance) ->
    receive
        {From, get} -> From ! {self(), Balance}, account(Balance);
        {From, {add, N}} -> From ! {self(), Balance + N}, account(Balance + N)
    end.

ask(Account, What) -> Account ! {self(), What}, receive {Account, Answer} -> Answer end.

spawn_each(0) -> ok;
spawn_each(N) -> {_, Ref} = spawn_monitor(fun() -> ok end), receive {'DOWN', Ref, _, _, _} -> spawn_each(N - 1) end.

read(0) -> ok;
read(N) -> receive V when is_integer(V) -> read(N - 1) end.

write(_, 0) -> ok;
write(To, N) -> To ! N, write(To, N - 1).

echo() -> receive {From, V} -> From ! V, echo() end.

ask_each(_, 0) -> ok;
ask_each(Echo, N) -> Echo ! {self(), N}, receive N -> ask_each(Echo, N - 1) end.
