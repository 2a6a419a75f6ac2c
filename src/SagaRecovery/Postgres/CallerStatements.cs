namespace SagaRecovery.Postgres;

/// <summary>The statements for callers of sagas, and in transactions of user code: reads for results, starts, and the ends of transactional nodes.</summary>
internal sealed class CallerStatements(string schema)
{
    /// <summary>
    /// Makes the later statements of a transaction use indexes, without JIT compilation. A plan made while the tables are small is kept when
    /// they have grown. Returns true on a standby, which may lag behind.
    /// </summary>
    public const string UseIndexes = $"{Statements.NoLoadBalance} select pg_is_in_recovery(), set_config('enable_seqscan', 'off', true), {Statements.OnThePrimary}";

    /// <summary>Reads one saga of any owner, in any state, with its definition. <c>$1</c>: its id.</summary>
    public string ReadSaga { get; } = Statements.In(schema, """
        select s.name, s.state, s.adopt_generation, s.params, s.deadline, s.cancel_time, s.cancel_actor, s.cancel_reason,
            s.abandon_reason, s.abandon_comment, s.definition_hash, d.version, d.dag
        from {schema}.saga s left join {schema}.saga_definition d on d.hash = s.definition_hash
        where s.id = $1
        """);

    /// <summary>Reads the log of one saga. <c>$1</c>: its id.</summary>
    public string ReadEvents { get; } = Statements.In(schema, """
        select node_id, event_type, data from {schema}.saga_node_event where saga_id = $1
        """);

    /// <summary>Finds the sagas in progress among some. <c>$1</c>: their ids. One probe of the primary key each.</summary>
    public string FindUnfinished { get; } = Statements.In(schema, $$"""
        select n.id from unnest($1) as n (id)
        where exists (select from {schema}.saga s where s.id = n.id and {{Statements.AfterProbe(UnfinishedSagas.IsUnfinished)}} offset 0)
        """);

    /// <summary>
    /// Inserts a saga in a transaction of the caller, with a hint to the coordinator that arrives with the commit. <c>$3..$8</c>: id, name,
    /// definition, parameters, deadline and generation; <c>$9</c>: true if join and definition were checked in another transaction. Returns
    /// true if the saga was inserted, if this process's join is current, and if the definition exists. It takes no lock of the fence, which
    /// would make a join wait for the caller. It runs behind <see cref="DefinitionStatements.Lock"/>, in the same transaction. With a snapshot that
    /// may be older than that lock, it only trusts the other transaction.
    /// </summary>
    public string InsertSagaOfCaller { get; } = Statements.In(schema, InsertSagaWith(tags: ""));

    /// <summary><see cref="InsertSagaOfCaller"/> with tags. <c>$10, $11</c> are parallel arrays: name and value of each tag.</summary>
    public string InsertTaggedSagaOfCaller { get; } = Statements.In(schema, InsertSagaWith(tags: $$"""
        , tagged as (
            {{Statements.InsertTags("inserted i, unnest($10, $11) as t (name, value)")}}
        )
        """));

    private static string InsertSagaWith(string tags) => $$"""
        with inserted as (
            insert into {schema}.saga (id, name, creator, definition_hash, params, deadline, state, current_coordinator, adopt_generation)
            select $3, $4, $1, $5, $6, $7, 'running', $1, $8
            where $9 or ({{Statements.IsMember}} and {{DefinitionExists}})
            on conflict do nothing
            returning id, time_created
        ), woken as (
            select pg_notify('{schema}', $1::text) from inserted
        ){{tags}}
        select exists (select from woken), {{Statements.IsMember}}, {{DefinitionExists}}
        """;

    /// <summary>The condition that definition <c>$5</c> exists, as seen by a snapshot that is later than the lock on it.</summary>
    private const string DefinitionExists =
        "current_setting('transaction_isolation') = 'read committed' and exists (select from {schema}.saga_definition d where d.hash = $5)";

    /// <summary>
    /// Locks the row of a saga, behind <see cref="Statements.Lock"/>. Transactions that end the same action or undo come one after the other, and the
    /// next statement sees what the earlier one has committed. <c>$1</c>: the saga.
    /// </summary>
    public string LockSaga { get; } = Statements.In(schema, "select id from {schema}.saga where id = $1 for no key update");

    /// <summary>
    /// Writes the event that ends an action or an undo, behind <see cref="LockSaga"/>, or fails with <c>22012</c> (division by zero), so that the batch
    /// does not get to its commit. <c>$3, $4</c>: saga and generation; <c>$5..$7</c>: node, type and data of the event; <c>$8</c>: the types of events
    /// that end the same. The condition about the isolation level: at any other, the snapshot may be older than the locks.
    /// </summary>
    public string AppendEnd { get; } = Statements.In(schema, $$"""
        with written as (
            insert into {schema}.saga_node_event (saga_id, node_id, event_type, data, creator)
            select s.id, $5, $6, $7, $1 from {schema}.saga s
            where s.id = $3 and {{Statements.AfterProbe($"s.current_coordinator = $1 and s.adopt_generation = $4 and {UnfinishedSagas.IsUnfinished}")}}
                and {{Statements.IsMember}}
                and current_setting('transaction_isolation') = 'read committed'
                and not exists (select from {schema}.saga_node_event e where e.saga_id = $3 and e.node_id = $5 and e.event_type = any ($8))
            returning saga_id
        )
        select 1 / count(*) from written
        """);

    /// <summary>
    /// Finds the event that ends an action or an undo, and whether coordinator <c>$1</c> owns the unfinished saga. <c>$2..$5</c>: saga, generation, node,
    /// and the types of the event.
    /// </summary>
    public string FindEnd { get; } = Statements.In(schema, $$"""
        select exists (
                select from {schema}.saga s
                where s.id = $2 and {{Statements.AfterProbe($"s.current_coordinator = $1 and s.adopt_generation = $3 and {UnfinishedSagas.IsUnfinished}")}}),
            e.node_id, e.event_type, e.data
        from (values (1)) as one left join {schema}.saga_node_event e on e.saga_id = $2 and e.node_id = $4 and e.event_type = any ($5)
        """);

    /// <summary>Identifies the database, the run of its server and the tables of the sagas, independent of the snapshot of the transaction.</summary>
    public string Place { get; } = Statements.In(schema, $"select concat_ws(' ', pg_postmaster_start_time(), current_database(), {Statements.TableId}::oid)");
}
