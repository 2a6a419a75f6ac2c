namespace SagaRecovery.Postgres;

/// <summary>The statements about stored definitions: which sagas have them, and which processes publish them.</summary>
internal sealed class DefinitionStatements(string schema)
{
    /// <summary>
    /// Finds the definitions of unfinished sagas of coordinator <c>$1</c> that are not among those that it can run. <c>$2</c>: the hashes of
    /// these; <c>$3, $4</c>: parallel arrays, name and version of those of any DAG; <c>$5</c>: the maximum number of rows. Each row also has the
    /// numbers of all definitions and sagas found. Reads the unfinished sagas of the coordinator; see <see cref="UnfinishedSagas"/>.
    /// </summary>
    public string FindUnknown { get; } = Statements.In(schema, $$"""
        with unfinished as materialized (
            select s.definition_hash as hash, min(s.name) as name, count(*) as sagas
            from {{UnfinishedSagas.Of("$1", "s.definition_hash, s.name", $"{UnfinishedSagas.IsUnfinished} and s.definition_hash <> all ($2)")}}
            group by s.definition_hash
        ), unknown as materialized (
            select u.hash, coalesce(d.name, u.name) as name, coalesce(d.version, 0) as version, u.sagas,
                count(*) over () as definitions, sum(u.sagas) over ()::bigint as all_sagas
            from unfinished u left join {schema}.saga_definition d on d.hash = u.hash
            where not exists (select from unnest($3, $4) as a (name, version) where a.name = d.name and a.version = d.version)
            order by u.sagas desc, u.hash limit $5
        )
        select u.hash, u.name, u.version, (select d.dag from {schema}.saga_definition d where d.hash = u.hash), u.sagas, u.definitions, u.all_sagas
        from unknown u order by u.sagas desc, u.hash
        """);

    /// <summary>
    /// Finds the needed shapes that keep definitions from being started. <c>$1</c>: this coordinator; <c>$2</c>: the silence after which a
    /// coordinator does not answer; <c>$3</c>: the hashes that this process can run; <c>$4..$6</c>: parallel arrays, hash, name and version of the
    /// definitions.
    /// </summary>
    public string FindConflicts { get; } = Statements.In(schema, $$"""
        with {{ConflictsOf("unnest($4, $5, $6) as n (hash, name, version)")}}
        select hash, name, version, dag from conflict order by name, version, hash
        """);

    /// <summary>
    /// Locks the name and version of a definition (<c>$1, $2</c>) before <see cref="Store"/>. Of two processes with different shapes, the later
    /// sees the shape of the earlier. It follows <see cref="Statements.Lock"/>, and nothing that holds it waits for another lock of the fence.
    /// </summary>
    public string LockVersion { get; } = Statements.In(schema, """
        select pg_advisory_xact_lock(hashtextextended(format('%s %s', $2::int, $1::text), hashtextextended('{schema}.saga_definition', 0)))
        """);

    /// <summary>
    /// Stores a definition and publishes it for this coordinator, unless a needed shape refuses it; returns such shapes. <c>$3</c>: the silence
    /// after which a coordinator does not answer; <c>$4</c>: the hashes that this process can run; <c>$5..$8</c>: hash, name, version and DAG.
    /// </summary>
    /// <remarks>
    /// Published at once, and not only with the profile of the process: otherwise the definition would not be needed until its first saga is
    /// inserted, and another process could store another shape meanwhile.
    /// </remarks>
    public string Store { get; } = Statements.In(schema, $$"""
        with {{ConflictsOf("(values ($5::bytea, $6::text, $7::int)) as n (hash, name, version)", answerTimeout: "$3", registered: "$4")}}, stored as (
            insert into {schema}.saga_definition (hash, name, version, dag)
            select $5, $6, $7, $8 where {{Statements.IsMember}} and not exists (select from conflict)
            on conflict (hash) do nothing
        ), published as (
            insert into {schema}.saga_coordinator_definition (coordinator_id, hash, name, version)
            select $1, $5, $6, $7 where {{Statements.IsMember}} and not exists (select from conflict)
            on conflict do nothing
        )
        select hash, name, version, dag from conflict order by hash
        """);

    /// <summary>
    /// Takes the shared locks on definitions (<c>$1</c>: their hashes) until the end of a transaction that inserts sagas with them. Retention deletes
    /// a definition only if it gets the exclusive lock at once. The insert follows as a statement of its own: at the level read committed, its
    /// snapshot shows a definition that was deleted before the lock as missing.
    /// </summary>
    public string Lock { get; } = Statements.In(schema, $"""
        select count(pg_advisory_xact_lock_shared({KeyOf("d.hash")})) from unnest($1) as d (hash)
        """);

    /// <summary>
    /// Counts the sagas of each definition: the unfinished and the stuck, and the ended up to <c>$1</c>. Reads the unfinished sagas (see
    /// <see cref="UnfinishedSagas"/>), the index saga_not_succeeded, and the first entries of each definition in saga_by_definition. Ended sagas of a definition that is lost do not count.
    /// Grouped and not joined, since the settings of a search leave nested loops alone, and there may be as many definitions as sagas.
    /// </summary>
    public string Count { get; } = Statements.In(schema, $$"""
        select c.hash, left(coalesce(max(c.name), max(c.used_name)), 1000), max(c.version), sum(c.unfinished)::bigint, sum(c.ended)::bigint, sum(c.stuck)::bigint
        from (
            select d.hash, d.name, null as used_name, d.version, 0 as unfinished, e.sagas as ended, 0 as stuck
            from {schema}.saga_definition d cross join lateral (
                select count(*) as sagas from (
                    select from {schema}.saga s where s.definition_hash = d.hash and (s.state not in ('running', 'unwinding')) is true limit $1) as part) e
            union all
            select s.definition_hash, null, s.name, 0, count(*), 0, 0
            from {{UnfinishedSagas.OfAll("s.definition_hash, s.name")}} group by s.definition_hash, s.name
            union all
            select s.definition_hash, null, null, 0, 0, 0, count(*) from {schema}.saga s
            where s.state = 'stuck' and exists (select from {schema}.saga_definition d where d.hash = s.definition_hash offset 0) group by s.definition_hash) c
        group by c.hash
        """);

    /// <summary>Lists what active coordinators that answer publish; a null for one that publishes nothing. <c>$1</c>: the silence after which one does not answer.</summary>
    public string ListPublished { get; } = Statements.In(schema, $$"""
        select c.id, p.hash, left(p.name, 1000), p.version, p.any_dag
        from {schema}.saga_coordinator c
        left join {schema}.saga_coordinator_definition p on p.coordinator_id = c.id and c.publishes_definitions
        where {{ClusterStatements.StateOf("c")}} = 'active' and c.profile_incarnation = c.incarnation
            and c.time_seen > clock_timestamp() - $1::interval and (p.hash is not null or not c.publishes_definitions)
        order by c.id
        """);

    /// <summary>Returns the key of the advisory lock on a definition; see <see cref="Lock"/>.</summary>
    public static string KeyOf(string hash) => $"hashtextextended(encode({hash}::bytea, 'hex'), hashtextextended('{{schema}}.definition', 0))";

    /// <summary>
    /// Returns the expressions that find the needed shapes beside some definitions. A definition that is stored conflicts with none. The sagas
    /// are read (see <see cref="UnfinishedSagas"/>) only if there is another shape that no process publishes.
    /// </summary>
    private static string ConflictsOf(string definitions, string answerTimeout = "$2", string registered = "$3") => $$"""
        unfinished as materialized (
            select distinct s.definition_hash as hash from {{UnfinishedSagas.OfAll("s.definition_hash")}}
        ), other as materialized (
            select o.hash, o.name, o.version, o.dag from {schema}.saga_definition o
            where o.hash <> all ({{registered}}) and exists (
                select from {{definitions}}
                where n.name = o.name and n.version = o.version and not exists (select from {schema}.saga_definition s where s.hash = n.hash))
        ), conflict as materialized (
            select o.hash, o.name, o.version, o.dag from other o
            where case when exists (
                    select from {schema}.saga_coordinator_definition p join {schema}.saga_coordinator c on c.id = p.coordinator_id
                    where (p.hash = o.hash or (p.any_dag and p.name = o.name and p.version = o.version))
                        and c.id <> $1 and c.time_left is null and c.time_seen > clock_timestamp() - {{answerTimeout}}::interval)
                then true else o.hash in (select u.hash from unfinished u) end
            limit 100
        )
        """;
}
