namespace SagaRecovery.Postgres;

/// <content>The inserts of new sagas, with their definitions and tags.</content>
internal sealed partial class Statements
{
    public string InsertDefinition { get; } = In(schema, $$"""
        insert into {schema}.saga_definition (hash, name, version, dag)
        select $3, $4, $5, $6
        where {{IsMember}}
        on conflict (hash) do nothing
        """);

    /// <summary>
    /// Inserts sagas and returns the ids that are new. <c>$3..$7</c> are parallel arrays: id, name, definition, parameters and deadline;
    /// <c>$8</c>: the generation. A saga whose definition is missing is not inserted; see <see cref="KnownDefinitions"/>.
    /// </summary>
    /// <remarks>
    /// The statement has no conflict target, so that no conflict is an error. The order by id keeps two groups from a deadlock. Of sagas with the same
    /// id, the first counts.
    /// </remarks>
    public string InsertSagas { get; } = In(schema, InsertSagasReturning("id"));

    /// <summary>
    /// <see cref="InsertSagas"/> with the first events and the tags. <c>$9..$12</c> are parallel arrays: saga, node, type and data of each event;
    /// <c>$13..$15</c>: saga, name and value of each tag. Only sagas that are new get theirs.
    /// </summary>
    public string InsertSagasWithEvents { get; } = In(schema, $$"""
        with inserted as (
            {{InsertSagasReturning("id, time_created")}}
        ), logged as (
            insert into {schema}.saga_node_event (saga_id, node_id, event_type, data, creator)
            select i.id, e.node_id, e.event_type, e.data, $1
            from unnest($9, $10, $11, $12) as e (saga_id, node_id, event_type, data) join inserted i on i.id = e.saga_id
        ), tagged as (
            {{InsertTags("unnest($13, $14, $15) as t (saga_id, name, value) join inserted i on i.id = t.saga_id")}}
        )
        select id from inserted
        """);

    private static string InsertSagasReturning(string columns) => $$"""
        insert into {schema}.saga (id, name, creator, definition_hash, params, deadline, state, current_coordinator, adopt_generation)
        select n.id, n.name, $1, n.hash, n.params, n.deadline, 'running', $1, $8
        from unnest($3, $4, $5, $6, $7) with ordinality as n (id, name, hash, params, deadline, ordinal)
        where {{IsMember}} and exists (select from {schema}.saga_definition d where d.hash = n.hash)
        order by n.id, n.ordinal
        on conflict do nothing
        returning {{columns}}
        """;

    /// <summary>Inserts tags <c>t</c> of sagas <c>i</c> that are being inserted. Tags that an earlier saga of this id has left are replaced.</summary>
    public static string InsertTags(string tagsOfInserted) => $$"""
        insert into {schema}.saga_tag (saga_id, name, value, time_created)
        select i.id, t.name, t.value, i.time_created from {{tagsOfInserted}}
        on conflict (saga_id, name) do update set value = excluded.value, time_created = excluded.time_created
        """;
}
