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
    /// The statement has no conflict target, so that no conflict is an error. The order by id keeps two groups from a deadlock.
    /// </remarks>
    public string InsertSagas { get; } = In(schema, InsertSagasReturning("id"));

    /// <summary>
    /// <see cref="InsertSagas"/> with tags. <c>$9..$11</c> are parallel arrays: saga, name and value of each tag. Only sagas that are new get
    /// theirs.
    /// </summary>
    public string InsertTaggedSagas { get; } = In(schema, $$"""
        with inserted as (
            {{InsertSagasReturning("id, time_created")}}
        ), tagged as (
            {{InsertTags("unnest($9, $10, $11) as t (saga_id, name, value) join inserted i on i.id = t.saga_id")}}
        )
        select id from inserted
        """);

    private static string InsertSagasReturning(string columns) => $$"""
        insert into {schema}.saga (id, name, creator, definition_hash, params, deadline, state, current_coordinator, adopt_generation)
        select n.id, n.name, $1, n.hash, n.params, n.deadline, 'running', $1, $8
        from unnest($3, $4, $5, $6, $7) as n (id, name, hash, params, deadline)
        where {{IsMember}} and exists (select from {schema}.saga_definition d where d.hash = n.hash)
        order by n.id
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
