namespace SagaRecovery.AspNetCore.Tests.Support;

/// <summary>Rows of sagas of every kind, with definitions of every shape. Their owner answers and is no process, so that they stay as they are.</summary>
internal static class EveryKind
{
    /// <summary>Unwinding: of 30 parallel nodes one failed, and 10 of 30 nodes are undone.</summary>
    public static readonly Guid Unwinding = Id(1);

    /// <summary>Running, with 100 nodes in five lanes, of which 61 have succeeded and three run.</summary>
    public static readonly Guid Long = Id(2);

    /// <summary>Running, with three parallel subsagas, each of which has another one inside.</summary>
    public static readonly Guid Nested = Id(3);
    public static readonly Guid Stuck = Id(4);
    public static readonly Guid Abandoned = Id(5);
    public static readonly Guid Unwound = Id(6);
    public static readonly Guid Held = Id(7);
    public static readonly Guid Unowned = Id(8);
    public static readonly Guid Succeeded = Id(9);

    /// <summary>Unwinding, since it was cancelled.</summary>
    public static readonly Guid Cancelled = Id(10);

    /// <summary>Running, as its row says, while its owner is down.</summary>
    public static readonly Guid OwnerDown = Id(11);

    /// <summary>Running, with 30 parallel nodes in flight.</summary>
    public static readonly Guid Wide = Id(12);

    /// <summary>Running, with 60 parallel nodes in flight, whose long names differ at their ends.</summary>
    public static readonly Guid Racks = Id(13);

    /// <summary>Inserts them.</summary>
    public const string Insert =
        """
        select 1;
        -- A coordinator that counts as answering, which owns sagas that no process changes.
        insert into saga_recovery.saga_coordinator (id, incarnation, host, process_id, time_seen, token, server_start, table_id)
        values ('c0000000-0000-4000-8000-0000000000e1', 1, 'elsewhere-0', 7, now() + interval '8 h', gen_random_uuid(), now(), 0),
               ('c0000000-0000-4000-8000-0000000000d1', 1, 'burnt-0', 7, now() - interval '1 min', gen_random_uuid(), now(), 0);
        create temp table node (def text, id int, name text, undo bool, after int[], sub json);
        -- wide: a root, 30 parallel nodes, an end
        insert into node select 'wide', 0, 'reserve', true, '{}', null;
        insert into node select 'wide', i, 'disk-' || lpad(i::text, 2, '0'), true, '{0}', null from generate_series(1, 30) i;
        insert into node select 'wide', 31, 'announce', false, (select array_agg(i) from generate_series(1, 30) i), null;
        -- racks: a root, 60 parallel nodes with long names
        insert into node select 'racks', 0, 'reserve', true, '{}', null;
        insert into node select 'racks', i, 'attach-network-interface-of-the-virtual-machine-in-rack-' || lpad(i::text, 2, '0'), true, '{0}', null from generate_series(1, 60) i;
        -- long: 100 nodes in 5 lanes with links between them
        insert into node select 'long', 0, 'begin', true, '{}', null;
        insert into node select 'long', i, 'step-' || lpad(i::text, 3, '0'), i % 3 > 0, case when i <= 5 then '{0}' when i % 10 = 0 then array[i - 5, i - 6] else array[i - 5] end, null from generate_series(1, 98) i;
        insert into node select 'long', 99, 'end', false, '{94,95,96,97,98}', null;
        -- nested: three parallel subsagas, one of which contains another
        insert into node values ('nested', 0, 'project', true, '{}', null);
        do $$ declare n int := 1; ends int[] := '{}'; z int; p int; i int; begin
          for z in 1..3 loop
            insert into node values ('nested', n, 'zone-' || z, true, '{0}', '{"name":"zone-create","version":2}'); p := n; n := n + 1;
            for i in 1..4 loop insert into node values ('nested', n, 'zone-' || z || '/host-' || i, true, array[p], null); n := n + 1; end loop;
            insert into node values ('nested', n, 'zone-' || z || '/net', true, array[n-4, n-3, n-2, n-1], '{"name":"net-create","version":1}'); p := n; n := n + 1;
            insert into node values ('nested', n, 'zone-' || z || '/net/vpc', true, array[p], null);
            insert into node values ('nested', n + 1, 'zone-' || z || '/net/router', true, array[n], null);
            insert into node values ('nested', n + 2, 'zone-' || z || '/net/dns', false, array[n], null); n := n + 3;
            insert into node values ('nested', n, 'zone-' || z || '/ready', false, array[n - 2, n - 1], null); ends := ends || n; n := n + 1;
          end loop;
          insert into node values ('nested', n, 'publish', true, ends, null);
        end $$;
        insert into node values ('pay', 0, 'reserve', true, '{}', null), ('pay', 1, 'charge card', true, '{0}', null), ('pay', 2, 'ship', true, '{1}', null), ('pay', 3, 'mail', false, '{2}', null);
        insert into saga_recovery.saga_definition (hash, name, version, dag)
        select sha256(convert_to(def, 'UTF8')), def || '-order', 1, json_build_object('nodes', json_agg(json_build_object('id', id, 'name', name, 'undo', undo, 'after', to_json(after), 'subsaga', sub) order by id)) from node group by def;
        create temp table s (id uuid, def text, state text, owner uuid);
        insert into s values
         ('00000000-0000-4000-8000-000000000001', 'wide', 'unwinding', 'c0000000-0000-4000-8000-0000000000e1'),
         ('00000000-0000-4000-8000-000000000002', 'long', 'running', 'c0000000-0000-4000-8000-0000000000e1'),
         ('00000000-0000-4000-8000-000000000003', 'nested', 'running', 'c0000000-0000-4000-8000-0000000000e1'),
         ('00000000-0000-4000-8000-000000000004', 'pay', 'stuck', 'c0000000-0000-4000-8000-0000000000e1'),
         ('00000000-0000-4000-8000-000000000005', 'pay', 'abandoned', 'c0000000-0000-4000-8000-0000000000e1'),
         ('00000000-0000-4000-8000-000000000006', 'pay', 'unwound', 'c0000000-0000-4000-8000-0000000000e1'),
         ('00000000-0000-4000-8000-000000000007', 'pay', 'running', 'c0000000-0000-4000-8000-0000000000e1'),
         ('00000000-0000-4000-8000-000000000008', 'pay', 'running', null),
         ('00000000-0000-4000-8000-000000000009', 'pay', 'succeeded', 'c0000000-0000-4000-8000-0000000000e1'),
         ('00000000-0000-4000-8000-00000000000a', 'pay', 'unwinding', 'c0000000-0000-4000-8000-0000000000e1'),
         ('00000000-0000-4000-8000-00000000000b', 'pay', 'running', 'c0000000-0000-4000-8000-0000000000d1'),
         ('00000000-0000-4000-8000-00000000000c', 'wide', 'running', 'c0000000-0000-4000-8000-0000000000e1'),
         ('00000000-0000-4000-8000-00000000000d', 'racks', 'running', 'c0000000-0000-4000-8000-0000000000e1');
        insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator, time_created, abandon_time, abandon_reason, abandon_comment, failed_node, error_code, cancel_time, cancel_actor, cancel_reason)
        select id, def || '-order', coalesce(owner, 'c0000000-0000-4000-8000-0000000000e1'), sha256(convert_to(def, 'UTF8')), '{"customer":"c-4711","amount":4200,"currency":"EUR"}', state, owner, now() - interval '10 min',
          case when state = 'abandoned' then now() - interval '1 min' end, case when state = 'abandoned' then 'operator' end, case when state = 'abandoned' then 'ann: moved to the other region by hand' end,
          case when state in ('unwinding', 'unwound') and id::text not like '%0a' then case def when 'wide' then 'disk-07' else 'ship' end when state = 'stuck' then 'charge card' end,
          case when state in ('unwinding', 'unwound', 'stuck') then case when id::text like '%0a' then 'cancelled' when def = 'wide' then 'quota' when state = 'stuck' then 'closed' else 'refused' end end,
          case when id::text like '%0a' then now() - interval '5 min' end, case when id::text like '%0a' then 'ann' end, case when id::text like '%0a' then 'the customer withdrew the order' end
        from s;
        insert into saga_recovery.saga_hold (saga_id, actor, reason) values ('00000000-0000-4000-8000-000000000007', 'ann', 'INC-481: the bank is down');
        create function pg_temp.ev(saga int, node int, type text, second numeric, data json default null) returns void language sql as $$
        insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, event_time, creator)
        values (('00000000-0000-4000-8000-0000000000' || lpad(to_hex(saga), 2, '0'))::uuid, node, type, data, now() - interval '9 min' + second * interval '1 s', 'c0000000-0000-4000-8000-0000000000e1') $$;
        -- 1: 30 of 31 succeeded, disk-07 failed, 10 of 30 undone, two undos in flight
        select pg_temp.ev(1, 0, 'started', 0), pg_temp.ev(1, 0, 'succeeded', 1.2, '{"reservation":"r-17"}');
        select pg_temp.ev(1, i, 'started', 1.3) from generate_series(1, 30) i;
        select pg_temp.ev(1, i, 'succeeded', 2 + i * 0.7, json_build_object('disk', 'd-' || i)) from generate_series(1, 30) i where i <> 7;
        select pg_temp.ev(1, 7, 'failed', 24, '{"code":"quota","message":"The quota of the project for disks (30) is exhausted.","exception":"QuotaException: The quota\n   at Disks.Create()\n   at Node.Run()"}');
        select pg_temp.ev(1, i, 'undo_started', 25 + (31 - i)) from generate_series(19, 30) i;
        select pg_temp.ev(1, i, 'undo_finished', 26 + (31 - i) * 1.5) from generate_series(21, 30) i;
        -- 2: 60 of 100 succeeded, a few run
        select pg_temp.ev(2, i, 'started', i), pg_temp.ev(2, i, 'succeeded', i + 3 + i % 4, '{"ok":true}') from generate_series(0, 60) i;
        select pg_temp.ev(2, i, 'started', i) from generate_series(61, 63) i;
        -- 3: nested, half done
        select pg_temp.ev(3, i, 'started', i), pg_temp.ev(3, i, 'succeeded', i + 2) from generate_series(0, 5) i;
        select pg_temp.ev(3, 6, 'started', 8);
        select pg_temp.ev(3, 11, 'started', 8), pg_temp.ev(3, 11, 'succeeded', 9);
        -- 4 stuck
        select pg_temp.ev(4, 0, 'started', 0), pg_temp.ev(4, 0, 'succeeded', 1), pg_temp.ev(4, 1, 'started', 1), pg_temp.ev(4, 1, 'succeeded', 3, '{"charge":"ch_17"}'), pg_temp.ev(4, 2, 'started', 3),
          pg_temp.ev(4, 2, 'failed', 9, '{"code":"refused","message":"The carrier refuses parcels above 30 kg."}'), pg_temp.ev(4, 1, 'undo_started', 10), pg_temp.ev(4, 1, 'undo_failed', 15, '{"code":"closed","message":"The account is closed."}');
        -- 5 abandoned
        select pg_temp.ev(5, 0, 'started', 0), pg_temp.ev(5, 0, 'succeeded', 1), pg_temp.ev(5, 1, 'started', 1);
        -- 6 unwound
        select pg_temp.ev(6, 0, 'started', 0), pg_temp.ev(6, 0, 'succeeded', 1), pg_temp.ev(6, 1, 'started', 1), pg_temp.ev(6, 1, 'succeeded', 3), pg_temp.ev(6, 2, 'started', 3),
          pg_temp.ev(6, 2, 'failed', 9, '{"code":"refused","message":"The carrier refuses parcels above 30 kg."}'), pg_temp.ev(6, 1, 'undo_started', 10), pg_temp.ev(6, 1, 'undo_finished', 12), pg_temp.ev(6, 0, 'undo_started', 12), pg_temp.ev(6, 0, 'undo_finished', 13);
        -- 7 held
        select pg_temp.ev(7, 0, 'started', 0), pg_temp.ev(7, 0, 'succeeded', 1), pg_temp.ev(7, 1, 'started', 1);
        -- 9 succeeded
        select pg_temp.ev(9, i, 'started', i * 2), pg_temp.ev(9, i, 'succeeded', i * 2 + 1.5) from generate_series(0, 3) i;
        -- a: cancelled
        select pg_temp.ev(10, 0, 'started', 0), pg_temp.ev(10, 0, 'succeeded', 1), pg_temp.ev(10, 1, 'started', 1), pg_temp.ev(10, 1, 'succeeded', 250), pg_temp.ev(10, 1, 'undo_started', 251);
        -- c: all 30 run
        select pg_temp.ev(12, 0, 'started', 0), pg_temp.ev(12, 0, 'succeeded', 1.2);
        select pg_temp.ev(12, i, 'started', 1.3) from generate_series(1, 30) i;
        -- d: all 60 run
        select pg_temp.ev(13, 0, 'started', 0), pg_temp.ev(13, 0, 'succeeded', 1.2);
        select pg_temp.ev(13, i, 'started', 1.3) from generate_series(1, 60) i;
        """;

    public static IReadOnlyList<Guid> All { get; } = [Unwinding, Long, Nested, Stuck, Abandoned, Unwound, Held, Unowned, Succeeded, Cancelled, OwnerDown, Wide, Racks];

    private static Guid Id(int number) => Guid.Parse($"00000000-0000-4000-8000-0000000000{number:x2}");
}
