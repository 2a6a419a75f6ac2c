namespace SagaRecovery.Postgres;

/// <summary>The statements that find out what an id is. Each reads an index, or the table of definitions, and a few rows.</summary>
internal sealed class IdentifyStatements(string schema)
{
    /// <summary>Finds definitions by a range of hashes. <c>@From, @To</c>: its ends.</summary>
    public string FindHashes { get; } = Statements.In(schema, """
        select encode(hash, 'hex') as "Hash", left(name, 1000) as "Name", version as "Version"
        from {schema}.saga_definition where hash between @From and @To order by hash limit 10
        """);

    /// <summary>Finds definitions by their names, those with the highest version first. <c>@Names</c>: the names, in the order in which their definitions are listed.</summary>
    public string FindDefinitions { get; } = Statements.In(schema, """
        select encode(d.hash, 'hex') as "Hash", left(d.name, 1000) as "Name", d.version as "Version"
        from unnest(@Names) with ordinality as n (name, place) join {schema}.saga_definition d on d.name = n.name
        order by n.place, d.version desc, d.hash limit 10
        """);

    /// <summary>Finds the newest sagas by a range of ids. <c>@From, @To</c>: its ends. A range of the primary key.</summary>
    public string FindIds { get; } = Statements.In(schema, "select id from {schema}.saga where id between @From and @To order by id desc limit 20");

    /// <summary>Finds the names of all definitions, up to a limit.</summary>
    public string ListNames { get; } = Statements.In(schema, "select distinct name from {schema}.saga_definition limit 1000");

    /// <summary>Finds an operator action. <c>@Number</c>: its number.</summary>
    public string FindAction { get; } = Statements.In(schema, $$"""
        select id as "Number", action as "Action", {{StoredTimes.Nearest("time_taken")}} as "Time", actor as "Actor", reason as "Reason", saga_id as "SagaId",
            coordinator_id as "Coordinator"
        from {schema}.saga_operator_action where id = @Number
        """);

    /// <summary>Finds the newest sagas with a value of any tag. <c>@Text</c>: the value. One probe of the index for each name of a tag.</summary>
    public string FindTagValues { get; } = Statements.In(schema, """
        with recursive names as (
            (select t.name from {schema}.saga_tag t order by t.name limit 1)
            union all
            select (select t.name from {schema}.saga_tag t where t.name > n.name order by t.name limit 1) from names n where n.name is not null
        )
        select n.name as "Name", f.saga_id as "SagaId"
        from names n cross join lateral (
            select t.saga_id from {schema}.saga_tag t where t.name = n.name and t.value = @Text
            order by t.time_created desc, t.saga_id desc limit 20) f
        where n.name is not null limit 20
        """);
}
