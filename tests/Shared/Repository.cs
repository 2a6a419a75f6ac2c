namespace Tests.Shared;

/// <summary>The folder that the tests were built from, for tests that read its files.</summary>
internal static class Repository
{
    /// <summary>Found from where the tests run, not from the caller's path: reproducible builds do not hold the real one.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "SagaRecovery.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("No folder above the tests holds SagaRecovery.sln.");
    }
}
