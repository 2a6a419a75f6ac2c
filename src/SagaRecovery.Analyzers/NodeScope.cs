using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>The function around an operation that has a node's context: an action, an undo, or what they call with the context.</summary>
internal sealed class NodeScope
{
    private NodeScope(IParameterSymbol context, IOperation root, bool hasOwnToken)
    {
        Context = context;
        Root = root;
        HasOwnToken = hasOwnToken;
    }

    /// <summary>The parameter that is the context.</summary>
    public IParameterSymbol Context { get; }

    /// <summary>All code of the function.</summary>
    public IOperation Root { get; }

    /// <summary>A function between the operation and the context, or the one of the context, has a token parameter of its own.</summary>
    public bool HasOwnToken { get; }

    /// <summary>Returns true if the function of the context has a parameter of a type, or of one derived from it.</summary>
    public bool HasParameter(INamedTypeSymbol? type) =>
        Context.ContainingSymbol is IMethodSymbol function && function.Parameters.Any(parameter => parameter.Type.IsOrDerivesFrom(type));

    /// <summary>Finds the nearest function with a context that the operation can name.</summary>
    /// <returns>Null if the operation has no context in reach.</returns>
    public static NodeScope? Of(IOperation operation, ISymbol containingSymbol, INamedTypeSymbol nodeContext, INamedTypeSymbol token)
    {
        bool hasOwnToken = false;
        IOperation root = operation;
        for (IOperation? around = operation.Parent; around is not null; around = around.Parent)
        {
            root = around;
            IMethodSymbol? function = FunctionOf(around);
            if (function is null)
            {
                continue;
            }

            hasOwnToken |= Has(function, token);
            if (ContextOf(function, nodeContext) is { } context)
            {
                return new NodeScope(context, around, hasOwnToken);
            }

            if (function.IsStatic) // captures nothing
            {
                return null;
            }
        }

        return containingSymbol is IMethodSymbol method && ContextOf(method, nodeContext) is { } parameter
            ? new NodeScope(parameter, root, hasOwnToken || Has(method, token))
            : null;
    }

    /// <summary>Returns the lambda or local function that an operation is, or null for any other.</summary>
    public static IMethodSymbol? FunctionOf(IOperation operation) => operation switch
    {
        IAnonymousFunctionOperation lambda => lambda.Symbol,
        ILocalFunctionOperation local => local.Symbol,
        _ => null,
    };

    private static IParameterSymbol? ContextOf(IMethodSymbol function, INamedTypeSymbol nodeContext) =>
        function.Parameters.FirstOrDefault(parameter => parameter.Type.Is(nodeContext));

    private static bool Has(IMethodSymbol function, INamedTypeSymbol token) => function.Parameters.Any(parameter => parameter.Type.Is(token));
}
