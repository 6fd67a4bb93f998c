#!/usr/bin/env escript
%% The supervisor of Erlang/OTP in the same measure as tools/bench/restarts.mjs: a child without work is ended time and again.
%% usage: escript restarts.escript COUNT PER_SUPERVISOR; prints JSON.
-module(restarts).
-mode(compile).
-export([main/1, init/1, start_child/1]).

main([Count, PerSupervisor]) ->
    % with reports on, most of the time goes to the log
    ok = logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    _ = rounds(list_to_integer(Count) div 10, list_to_integer(PerSupervisor), []),
    {CpuBefore, _} = statistics(runtime),
    Latencies = rounds(list_to_integer(Count), list_to_integer(PerSupervisor), []),
    {CpuAfter, _} = statistics(runtime),
    Sorted = list_to_tuple(lists:sort(Latencies)),
    Size = tuple_size(Sorted),
    At = fun(Share) -> element(max(1, ceil(Share * Size)), Sorted) / 1000 end,
    io:format("{\"perSecond\":~p,\"cpuUs\":~p,\"p50Us\":~p,\"p99Us\":~p}~n",
        [Size / (lists:sum(Latencies) / 1.0e9), (CpuAfter - CpuBefore) * 1000 / Size, At(0.5), At(0.99)]).

rounds(Left, _, Latencies) when Left =< 0 -> Latencies;
rounds(Left, PerSupervisor, Latencies) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, {self(), PerSupervisor * 2}),
    Child = receive {up, First} -> First end,
    More = ends(PerSupervisor, Child, Latencies),
    exit(Supervisor, shutdown),
    receive {'EXIT', Supervisor, _} -> ok end,
    rounds(Left - PerSupervisor, PerSupervisor, More).

ends(0, _, Latencies) -> Latencies;
ends(Left, Child, Latencies) ->
    Ended = erlang:monotonic_time(nanosecond),
    Child ! crash,
    Next = receive {up, Pid} -> Pid end,
    ends(Left - 1, Next, [erlang:monotonic_time(nanosecond) - Ended | Latencies]).

init({Observer, MaxRestarts}) ->
    {ok, {#{strategy => one_for_one, intensity => MaxRestarts, period => 3600}, [#{id => child, start => {?MODULE, start_child, [Observer]}}]}}.

start_child(Observer) ->
    Pid = spawn_link(fun() -> receive crash -> exit(crash) end end),
    Observer ! {up, Pid},
    {ok, Pid}.
