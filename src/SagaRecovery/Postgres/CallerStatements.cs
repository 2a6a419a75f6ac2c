namespace SagaRecovery.Postgres;

/// <summary>The statements for callers of sagas: reads for results, and starts in their own transactions.</summary>
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
    public string FindUnfinished { get; } = Statements.In(schema, """
        select n.id from unnest($1) as n (id)
        where exists (select from {schema}.saga s where s.id = n.id and s.state in ('running', 'unwinding') offset 0)
        """);

    /// <summary>
    /// Inserts a saga in a transaction of the caller, with a hint to the coordinator that arrives with the commit. <c>$3..$8</c>: id, name,
    /// definition, parameters, deadline and generation; <c>$9</c>: true if join and definition were checked in another transaction. Returns
    /// true if the saga was inserted, if this process's join is current, and if the definition exists. It takes no lock of the fence, which
    /// would make a join wait for the caller.
    /// </summary>
    public string InsertSagaOfCaller { get; } = Statements.In(schema, $$"""
        with inserted as (
            insert into {schema}.saga (id, name, creator, definition_hash, params, deadline, state, current_coordinator, adopt_generation)
            select $3, $4, $1, $5, $6, $7, 'running', $1, $8
            where $9 or ({{Statements.IsMember}} and exists (select from {schema}.saga_definition d where d.hash = $5))
            on conflict do nothing
            returning id
        ), woken as (
            select pg_notify('{schema}', $1::text) from inserted
        )
        select exists (select from woken), {{Statements.IsMember}}, exists (select from {schema}.saga_definition d where d.hash = $5)
        """);

    /// <summary>Identifies the database, the run of its server and the tables of the sagas, independent of the snapshot of the transaction.</summary>
    public string Place { get; } = Statements.In(schema, $"select concat_ws(' ', pg_postmaster_start_time(), current_database(), {Statements.TableId}::oid)");
}
