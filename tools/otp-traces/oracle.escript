#!/usr/bin/env escript
%%! +S 1:1
%% Runs scripts on the supervisor of this Erlang/OTP and writes down what happened, one line of text for each.
%% usage: escript oracle.escript SCRIPTS TRACES
%% SCRIPTS holds terms {Sup, Steps}. README.md, beside this file, explains both files.
%%
%% One scheduler, so that the order in which processes hear of a death is the order in which it is told. Scripts run side by side,
%% because most of their time is waiting.
-module(oracle).
-mode(compile).
-export([main/1, init/1, start_leaf/3, start_sup/3]).

-define(AT_ONCE, 50).
-define(SLOW_MS, 20).
-define(WAIT_MS, 2100).

main([ScriptsFile, TracesFile]) ->
    ok = logger:set_primary_config(level, none),
    {ok, Scripts} = file:consult(ScriptsFile),
    Traces = in_batches(Scripts),
    ok = file:write_file(TracesFile, [[Trace, $\n] || Trace <- Traces]),
    {ok, Version} = file:read_file(filename:join([code:root_dir(), "releases", erlang:system_info(otp_release), "OTP_VERSION"])),
    io:format("~s", [Version]).

in_batches([]) -> [];
in_batches(Scripts) ->
    {Now, Later} = lists:split(min(?AT_ONCE, length(Scripts)), Scripts),
    Runs = [spawn_monitor(fun() -> exit({trace, run(Script)}) end) || Script <- Now],
    Traces = [receive {'DOWN', Ref, process, _, {trace, Trace}} -> Trace end || {_, Ref} <- Runs],
    Traces ++ in_batches(Later).

%% --- one script -------------------------------------------------------------------------------------------------------------------

run({Sup, Steps}) ->
    process_flag(trap_exit, true),
    Scribe = spawn_link(fun() -> scribe(#{events => [], runs => #{}, pids => #{}, refs => #{}}) end),
    case supervisor:start_link(?MODULE, {Scribe, Sup}) of
        {ok, Root} ->
            First = line(Root, Scribe),
            lists:join(" / ", [First | steps(Steps, Root, Scribe)]);
        {error, _} ->
            [ask(Scribe, take), "| refused"]
    end.

steps([], Root, Scribe) ->
    Ref = monitor(process, Root),
    exit(Root, shutdown),
    receive {'DOWN', Ref, process, _, _} -> ok end,
    [line(Root, Scribe)];
steps([Step | Steps], Root, Scribe) ->
    step(Step, Root, Scribe),
    Line = line(Root, Scribe),
    case is_process_alive(Root) of
        true -> [Line | steps(Steps, Root, Scribe)];
        false -> [Line]
    end.

step(wait, _, _) -> timer:sleep(?WAIT_MS);
step({ends, Ends}, _, Scribe) ->
    Alive = [{Pid, Owner, Reason} || {Id, Reason} <- Ends, {Pid, Owner} <- ask(Scribe, {pid, Id}), is_process_alive(Pid)],
    case Alive of
        [] -> ok;
        [One] -> end_it(One);
        [{_, Owner, _} | _] ->
            %% the supervisor hears of all of them before it acts on the first
            ok = sys:suspend(Owner),
            lists:foreach(fun end_it/1, Alive),
            ok = sys:resume(Owner)
    end;
step({add, Child}, Root, Scribe) -> answer(Scribe, supervisor:start_child(Root, spec(Scribe, Child)));
step({stop, Id}, Root, Scribe) -> answer(Scribe, supervisor:terminate_child(Root, Id));
step({restart, Id}, Root, Scribe) -> answer(Scribe, supervisor:restart_child(Root, Id));
step({delete, Id}, Root, Scribe) -> answer(Scribe, supervisor:delete_child(Root, Id)).

end_it({Pid, _, Reason}) ->
    Ref = monitor(process, Pid),
    Pid ! {end_with, Reason},
    receive {'DOWN', Ref, process, _, _} -> ok end.

answer(Scribe, Result) ->
    ask(Scribe, {tell, ["=", case Result of
        ok -> "ok";
        {ok, _} -> "ok";
        {error, already_present} -> "taken";
        {error, {already_started, _}} -> "taken";
        {error, Reason} when Reason =:= running; Reason =:= restarting -> "busy";
        {error, not_found} -> "unknown";
        {error, _} -> "failed"
    end]}).

%% What happened since the last line, and how the children are once all has come to rest.
line(Root, Scribe) ->
    States = rest(Root, Scribe, none),
    [ask(Scribe, take), "| ", States].

rest(Root, Scribe, Before) ->
    States = lists:flatten(states(Root)),
    Now = {States, ask(Scribe, count)},
    case Now =:= Before andalso string:find(States, ":restarting") =:= nomatch of
        true -> States;
        false -> rest(Root, Scribe, Now)
    end.

states(Pid) ->
    try supervisor:which_children(Pid) of
        Children -> lists:join(" ", [state(Child) || Child <- lists:reverse(Children)])
    catch
        exit:_ -> "gone"
    end.

state({Id, Pid, supervisor, _}) when is_pid(Pid) -> [atom_to_list(Id), ":[", states(Pid), "]"];
state({Id, Pid, _, _}) when is_pid(Pid) -> [atom_to_list(Id), ":up"];
state({Id, undefined, _, _}) -> [atom_to_list(Id), ":down"];
state({Id, restarting, _, _}) -> [atom_to_list(Id), ":restarting"].

%% --- what is supervised -----------------------------------------------------------------------------------------------------------

init({Scribe, {Strategy, MaxRestarts, MaxSeconds, Children}}) ->
    Flags = #{strategy => Strategy, intensity => MaxRestarts, period => MaxSeconds},
    {ok, {Flags, [spec(Scribe, Child) || Child <- Children]}}.

spec(Scribe, {leaf, Id, Restart, Shutdown, Manner, Starts}) ->
    ask(Scribe, {starts, Id, Starts}),
    #{id => Id, start => {?MODULE, start_leaf, [Scribe, Id, Manner]}, restart => Restart, shutdown => Shutdown};
spec(Scribe, {sup, Id, Restart, Sup}) ->
    #{id => Id, start => {?MODULE, start_sup, [Scribe, Id, Sup]}, restart => Restart, shutdown => infinity, type => supervisor}.

start_leaf(Scribe, Id, Manner) ->
    case ask(Scribe, {start, Id}) of
        {fail, _} -> {error, refused};
        {ok, Name} ->
            Supervisor = self(),
            Pid = spawn_link(fun() ->
                process_flag(trap_exit, true),
                Supervisor ! {self(), ready},
                leaf(Scribe, Name, Manner)
            end),
            receive {Pid, ready} -> ok end,
            ask(Scribe, {up, Id, Name, Pid, Supervisor, leaf}),
            {ok, Pid}
    end.

leaf(Scribe, Name, Manner) ->
    receive
        {end_with, Reason} -> exit(Reason);
        {'EXIT', _, shutdown} when Manner =:= ignores -> leaf(Scribe, Name, Manner);
        {'EXIT', _, shutdown} ->
            if Manner =:= slow -> timer:sleep(?SLOW_MS); true -> ok end,
            ask(Scribe, {tell, [".", Name]}),
            exit(shutdown)
    end.

start_sup(Scribe, Id, Sup) ->
    {ok, Name} = ask(Scribe, {start, Id}),
    case supervisor:start_link(?MODULE, {Scribe, Sup}) of
        {ok, Pid} ->
            ask(Scribe, {up, Id, Name, Pid, self(), sup}),
            {ok, Pid};
        Error -> Error
    end.

%% --- who writes it down: every call is answered, so that what is told first is written first ---------------------------------------

ask(Scribe, Question) ->
    Ref = make_ref(),
    Scribe ! {ask, self(), Ref, Question},
    receive {Ref, Answer} -> Answer end.

scribe(State = #{events := Events, refs := Refs}) ->
    receive
        {ask, From, Ref, Question} ->
            {Answer, Next} = answer_to(Question, State),
            From ! {Ref, Answer},
            scribe(Next);
        {'DOWN', Ref, process, _, Reason} ->
            {{Name, Kind}, Rest} = maps:take(Ref, Refs),
            Event = case {Kind, Reason} of
                {sup, _} -> [["^", Name]];
                {leaf, killed} -> [["x", Name]];
                {leaf, _} -> []
            end,
            scribe(State#{events := Event ++ Events, refs := Rest})
    end.

%% a child of that id that came first keeps its list
answer_to({starts, Id, Starts}, State) -> {ok, maps:merge(#{{starts, Id} => Starts}, State)};
answer_to({start, Id}, State = #{events := Events, runs := Runs}) ->
    Run = maps:get(Id, Runs, 0) + 1,
    Name = atom_to_list(Id) ++ integer_to_list(Run),
    %% beyond its list every start succeeds
    Outcome = case [O || {N, O} <- lists:enumerate(maps:get({starts, Id}, State, [])), N =:= Run] of
        [fail] -> fail;
        _ -> ok
    end,
    Sign = case Outcome of ok -> "+"; fail -> "!" end,
    {{Outcome, Name}, State#{events := [[Sign, Name] | Events], runs := Runs#{Id => Run}}};
answer_to({up, Id, Name, Pid, Owner, Kind}, State = #{pids := Pids, refs := Refs}) ->
    {ok, State#{pids := Pids#{Id => {Pid, Owner}}, refs := Refs#{monitor(process, Pid) => {Name, Kind}}}};
answer_to({pid, Id}, State = #{pids := Pids}) ->
    {case Pids of #{Id := Found} -> [Found]; _ -> [] end, State};
answer_to({tell, Event}, State = #{events := Events}) -> {ok, State#{events := [Event | Events]}};
answer_to(count, State = #{events := Events}) -> {length(Events), State};
answer_to(take, State = #{events := Events}) -> {[[Event, " "] || Event <- lists:reverse(Events)], State#{events := []}}.
