import { start } from "../ui/start.tsx";
import { accountRouter } from "./router.tsx";

void start(accountRouter);
