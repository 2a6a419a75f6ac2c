namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>Everything here runs on the calling thread, so a task is complete when it is returned.</summary>
internal static class InlineTask
{
    public static T Outcome<T>(this Task<T> task)
    {
        if (!task.IsCompleted)
        {
            throw new InvalidOperationException("Code that should run on this thread continued on another: it cannot be explored.");
        }

#pragma warning disable VSTHRD002 // it is complete
        return task.GetAwaiter().GetResult();
#pragma warning restore VSTHRD002
    }
}
