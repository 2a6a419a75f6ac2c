using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>An index by which a search finds its sagas.</summary>
/// <param name="Kind">The kind of index.</param>
/// <param name="Tag">The position of the tag among those of the filter, for the index of tags.</param>
internal readonly record struct SearchIndex(SearchIndexKind Kind, int Tag = 0)
{
    /// <summary>
    /// Returns the indexes that serve a filter, at least one. Pure. Which of them has the fewest entries is not known without a look; in doubt
    /// the first is the best.
    /// </summary>
    public static IReadOnlyList<SearchIndex> Of(SagaFilter filter)
    {
        List<SearchIndex> all = [.. filter.Tags.Select((_, i) => new SearchIndex(SearchIndexKind.Tag, i))];
        AddIf(filter.HeldOnly, SearchIndexKind.Held);
        AddIf(filter.FailedNode is not null, SearchIndexKind.FailedNode);
        AddIf(filter.ErrorCode is not null, SearchIndexKind.ErrorCode);
        AddIf(filter.State is SagaState.Unwound or SagaState.Stuck or SagaState.Abandoned, SearchIndexKind.NotSucceeded);
        AddIf(filter.UnfinishedOnly || filter.State is SagaState.Running or SagaState.Unwinding, SearchIndexKind.Unfinished);
        AddIf(all.Count == 0 || filter.Name is not null, SearchIndexKind.Definition);
        return all;

        void AddIf(bool serves, SearchIndexKind kind)
        {
            if (serves)
            {
                all.Add(new SearchIndex(kind));
            }
        }
    }
}

/// <summary>The kinds of index by which a search finds its sagas. All but two are sorted by time.</summary>
internal enum SearchIndexKind
{
    /// <summary>saga_by_definition: the newest sagas of each definition that the filter allows.</summary>
    Definition,

    /// <summary>saga_tag_by_value.</summary>
    Tag,

    /// <summary>saga_by_failed_node.</summary>
    FailedNode,

    /// <summary>saga_by_error_code.</summary>
    ErrorCode,

    /// <summary>saga_not_succeeded.</summary>
    NotSucceeded,

    /// <summary>saga_unfinished: all sagas in progress, perhaps of one owner, which are then sorted.</summary>
    Unfinished,

    /// <summary>The table of holds, whose sagas are then sorted.</summary>
    Held,
}
